"""The tables. A change here needs a migration; a test compares the two."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
)

from avatar_gen.avatar import MAX_NAME_LENGTH, MAX_OPTIONS_LENGTH, MAX_SEED_LENGTH, MAX_VERSION_LENGTH

REVISION = "0005"
"""The newest migration. This release works only with a database at this revision."""

metadata = MetaData(
    # SQLite can drop only constraints with a name.
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Not `avatars`: the table of the old service has this name and may be in the same database until the legacy
# import is done.
stored_avatars = Table(
    "stored_avatars",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    # Milliseconds since 1970, not a timestamp: the same number on both databases, in every time zone.
    Column("created_ms", BigInteger, nullable=False),
    Column("generator_type", String(MAX_NAME_LENGTH), nullable=False),
    Column("version", String(MAX_VERSION_LENGTH), nullable=False),
    Column("primary_color", String(MAX_NAME_LENGTH)),
    Column("foreign_color", String(MAX_NAME_LENGTH)),
    Column("color_scheme", String(MAX_NAME_LENGTH)),
    Column("seed", String(MAX_SEED_LENGTH)),
    Column("angle", Float),
    Column("palette", String(MAX_NAME_LENGTH)),
    Column("options", String(MAX_OPTIONS_LENGTH)),
    # The order of the list.
    Index(None, "created_ms", "id"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("created_ms", BigInteger, nullable=False),
    # One of `database.job_records.State`.
    Column("state", String(16), nullable=False),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("started_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Index(None, "state", "created_ms"),
)

# Rows of the list of a job, as many as a process works on at a time.
job_chunks = Table(
    "job_chunks",
    metadata,
    Column("job_id", Uuid(as_uuid=False), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("finished", Integer, nullable=False),
    # The process that claims a chunk has it until this time. Then another process may claim it.
    Column("leased_until_ms", BigInteger, nullable=False),
    # Claims so far, without those that were given back because a dependency was down.
    Column("attempts", Integer, nullable=False),
    Column("started_ms", BigInteger),
    # The row that a process worked on alone, and how many processes ended meanwhile.
    Column("suspect", Integer),
    Column("ends", Integer, nullable=False),
    Column("failures", LargeBinary),
    Index(None, "finished", "job_id", "number"),
)

# One row, which each transaction that adds or removes avatars updates: COUNT(*) reads the whole index.
avatar_total = Table(
    "avatar_total",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True),
    Column("total", BigInteger, nullable=False),
)
