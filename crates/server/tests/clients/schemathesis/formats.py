"""Texts of the formats that the document names and JSON Schema does not know."""

import base64

import schemathesis
from hypothesis import strategies as st


def cursor(parts):
    instant, uuid = parts
    text = f"createdAt={instant.isoformat()}Z&id={uuid}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


schemathesis.openapi.format(
    "cursor", st.tuples(st.datetimes(), st.uuids()).map(cursor)
)
schemathesis.openapi.format(
    "webhook-url",
    st.integers(min_value=0).map(lambda n: f"https://hooks.invalid/{n}"),
)
