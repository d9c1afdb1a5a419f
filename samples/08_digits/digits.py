"""The UCI handwritten digits: 1797 images of 8 x 8 pixels (0 to 16) and their labels.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998
(https://doi.org/10.24432/C50P49, CC BY 4.0); digits.csv.gz is the test part, one image a line, the label last.
"""
import gzip
import pathlib

import numpy as np

HELD_OUT = 450  # the last images after a fixed shuffle; training never sees them


def load():
    """(train images, train labels, held-out images, held-out labels); images are float32 in 0..1, shape (n, 8, 8)."""
    with gzip.open(pathlib.Path(__file__).parent / "digits.csv.gz", "rt") as file:
        table = np.array([[int(field) for field in line.split(",")] for line in file], dtype=np.int64)
    order = np.random.RandomState(1998).permutation(len(table))
    images = (table[order, :64].reshape(-1, 8, 8) / 16).astype(np.float32)
    labels = table[order, 64]
    return images[:-HELD_OUT], labels[:-HELD_OUT], images[-HELD_OUT:], labels[-HELD_OUT:]
