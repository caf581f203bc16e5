"""A blind review by those who do the work: answers drawn and shuffled, judged in a page, read back as a gate."""
