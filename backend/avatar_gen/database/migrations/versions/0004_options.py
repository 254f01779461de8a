"""The options of DiceBear's styles, as JSON."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stored_avatars", sa.Column("options", sa.String(8192)))
