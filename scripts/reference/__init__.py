"""The description of the HTTP interface (OpenAPI 3.1): composed, and written as a page."""
