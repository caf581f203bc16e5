"""The report from which a manager decides, in English and in Japanese: numbers first, then sentences, then the page."""
