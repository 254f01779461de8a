"""XMP: metadata in a file that names the artist and the licence of a picture.

The fields are those that DiceBear's own HTTP API writes, and that search engines read:
https://developers.google.com/search/docs/appearance/structured-data/image-license-metadata.
Format: https://developer.adobe.com/xmp/docs/
"""

from functools import lru_cache
from xml.sax.saxutils import escape, quoteattr

from avatar_gen.drawing.dicebear import Credits

_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"'
    ' xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"{attributes}>{elements}'
    '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)


@lru_cache(maxsize=256)
def write_xmp(credits_: Credits) -> bytes:
    """Return the packet of these credits, or nothing if there are none."""
    title, creator, rights, licence_url, source_url = credits_
    if not any(credits_):
        return b""
    attributes = {"photoshop:Credit": creator, "xmpRights:WebStatement": licence_url}
    elements = (
        _in_default_language("dc:title", title),
        _element("dc:creator", f"<rdf:Seq><rdf:li>{escape(creator)}</rdf:li></rdf:Seq>") if creator else "",
        _in_default_language("dc:rights", rights),
        _licensor(source_url) if source_url else "",
    )
    return _PACKET.format(
        attributes="".join(f" {name}={quoteattr(value)}" for name, value in attributes.items() if value),
        elements="".join(elements),
    ).encode()


def _element(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>"


def _in_default_language(name: str, text: str | None) -> str:
    if not text:
        return ""
    return _element(name, f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt>')


def _licensor(url: str) -> str:
    licensor = _element("plus:LicensorURL", escape(url))
    return _element(
        "plus:Licensor", f'<rdf:Bag><rdf:li rdf:parseType="Resource">{licensor}</rdf:li></rdf:Bag>'
    )
