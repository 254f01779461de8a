"""The palette that an avatar's seed chooses colours from."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stored_avatars", sa.Column("palette", sa.String(32)))
