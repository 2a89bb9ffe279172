-- Search folds the composed form of a text, and addresses compare by the A-labels of their domains. The
-- program brings the rows of before into these forms right after this file: SQL has neither.
select 1;
