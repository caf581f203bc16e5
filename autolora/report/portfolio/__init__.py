"""The reports of a batch: for managers, in English and in Japanese, and for engineers; made from its record alone."""
