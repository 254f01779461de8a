"""Jobs that store an avatar for each row of a list."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("started_ms", sa.BigInteger),
        sa.Column("ended_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_state_created_ms", "jobs", ["state", "created_ms"])
    op.create_table(
        "job_chunks",
        sa.Column("job_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("finished", sa.Integer, nullable=False),
        sa.Column("leased_until_ms", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("started_ms", sa.BigInteger),
        sa.Column("suspect", sa.Integer),
        sa.Column("ends", sa.Integer, nullable=False),
        sa.Column("failures", sa.LargeBinary),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_job_chunks"),
    )
    op.create_index("ix_job_chunks_finished_job_id_number", "job_chunks", ["finished", "job_id", "number"])
