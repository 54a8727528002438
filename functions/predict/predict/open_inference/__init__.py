"""The Open Inference Protocol, version 2, as clients of KServe and Triton speak it."""
