"""The model's signature, which the network implements and the manifest states."""

SIGNATURE = "serving_default"
INPUT = "image"
OUTPUT = "output_0"
SIZE = 224
CLASSES = 1000
