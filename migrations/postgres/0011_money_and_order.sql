-- Money beside tokens: what models cost at the prices in the configuration, in millionths of the operator's currency.
-- A daemon one version older counts no money; what it expires of `budget_hold` stays held until the day is over.
ALTER TABLE budget ADD COLUMN money_spent BIGINT NOT NULL DEFAULT 0;
ALTER TABLE budget ADD COLUMN money_held BIGINT NOT NULL DEFAULT 0;
ALTER TABLE budget_hold ADD COLUMN money BIGINT NOT NULL DEFAULT 0;
