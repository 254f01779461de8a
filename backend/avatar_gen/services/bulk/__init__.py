"""An avatar for each row of a CSV list: drawn by several processes, into a folder or into the storage."""
