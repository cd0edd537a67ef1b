-- What was said and heard in a half of a call. The first line names who took part, separated by tabs; then a line each:
-- milliseconds since the half began, the number of the party with `>` (it spoke), `<` (it was spoken to) or `!` (time
-- did something), what, and a remark, separated by tabs. A line `N - ` stands for N that were not kept.
ALTER TABLE calls ADD COLUMN ladder TEXT NOT NULL DEFAULT '';
