"""Security headers that every answer carries."""

PROTECTION = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"cross-origin"),
]
"""A browser must not guess the content type, frame the answer or send a referrer; any page may embed it."""

FRAMED = [field for field in PROTECTION if field[0] != b"x-frame-options"]
"""The headers of a page whose `frame-ancestors` lists the sites that may show it in a frame."""
