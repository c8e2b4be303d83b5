#include "server/sql/postgres_read.h"

#include "server/sql/postgres_pool.h"

namespace predictd {

PostgresRead::PostgresRead(PostgresPool& pool, Loop& loop, std::string user_id, absl::Time limit)
    : pool_(pool), loop_(loop), user_id_(std::move(user_id)) {
  loop_.Start(*this, limit);
  pool_.Begin(*this);
}

PostgresRead::~PostgresRead() {
  if (!finished_) pool_.Leave(*this);
  loop_.Stop(*this);
}

void PostgresRead::Finish(Outcome outcome) {
  loop_.Stop(*this);
  outcome_ = std::move(outcome);
  finished_ = true;
  if (suspended_) loop_.Ready(*this);
}

void PostgresRead::Expired() { pool_.Expired(*this); }

}  // namespace predictd
