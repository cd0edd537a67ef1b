-- Who took a page: client, inbox, user (another user's routing); ignored if a tree said so; empty if nobody did.
ALTER TABLE pages ADD COLUMN how TEXT NOT NULL DEFAULT '';
