"""What the service answers, as values; fields a newer server adds are passed over.

Each `from_document` reads a JSON object. It raises KeyError for a field that is missing, and
TypeError or ValueError for one that is malformed.
"""
