"""The records of stored avatars, and their number."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stored_avatars",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("generator_type", sa.String(32), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("primary_color", sa.String(32)),
        sa.Column("foreign_color", sa.String(32)),
        sa.Column("color_scheme", sa.String(32)),
        sa.Column("seed", sa.String(32)),
        sa.Column("angle", sa.Float),
        sa.PrimaryKeyConstraint("id", name="pk_stored_avatars"),
    )
    op.create_index("ix_stored_avatars_created_ms_id", "stored_avatars", ["created_ms", "id"])
    total = op.create_table(
        "avatar_total",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_avatar_total"),
        sa.CheckConstraint("id = 1", name="ck_avatar_total_one_row"),
    )
    op.bulk_insert(total, [{"id": 1, "total": 0}])
