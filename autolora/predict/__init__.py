"""A bundle at work: rows in, answers with confidence out; in plain transformers and PEFT.

``opening`` checks the folder and finds its base, ``heads`` and ``writing`` are the two kinds of models, ``predictor``
is what Python code uses, ``streaming`` passes files through.
"""
