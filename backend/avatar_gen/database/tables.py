"""The tables. A change here needs a migration; a test compares the two."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Uuid,
)

from avatar_gen.avatar import MAX_NAME_LENGTH, MAX_SEED_LENGTH, MAX_VERSION_LENGTH

REVISION = "0002"
"""The newest migration: what a database must be at for this release to work with it."""

metadata = MetaData(
    # Names for every constraint: SQLite can drop only what has one.
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Not `avatars`: that is the old service's table, which may stand in the same database until its data has
# been taken over.
stored_avatars = Table(
    "stored_avatars",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    # Milliseconds since 1970 rather than a timestamp: the same number on both databases, whatever time
    # zone a session has.
    Column("created_ms", BigInteger, nullable=False),
    Column("generator_type", String(MAX_NAME_LENGTH), nullable=False),
    Column("version", String(MAX_VERSION_LENGTH), nullable=False),
    Column("primary_color", String(MAX_NAME_LENGTH)),
    Column("foreign_color", String(MAX_NAME_LENGTH)),
    Column("color_scheme", String(MAX_NAME_LENGTH)),
    Column("seed", String(MAX_SEED_LENGTH)),
    Column("angle", Float),
    # The order of the list.
    Index(None, "created_ms", "id"),
)

LENGTHS = {
    column.name: column.type.length
    for column in stored_avatars.columns
    if isinstance(column.type, String) and column.type.length
}
"""The most characters that each text may have; SQLite would take more, PostgreSQL does not."""

# One row, changed in the transaction that adds or removes avatars: COUNT(*) reads the whole index.
avatar_total = Table(
    "avatar_total",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True),
    Column("total", BigInteger, nullable=False),
)
