// Knows: what the messages of MariaDB's tools mean. Must not know: which command comes next.
import { type Deed, explainFailure, type Meaning } from "../failures.ts";

const meanings: readonly Meaning[] = [
  {
    says: /\b1045\b|Access denied for user .*using password/,
    code: "password-wrong",
    hint: "see `user` and `password` in the configuration; an option file such as ~/.my.cnf wins over them where it has a password",
  },
  {
    // Who has no rights at all is not told whether it is there.
    says: /\b(1044|1049)\b|Unknown database/,
    code: "database-unusable",
    hint: "see `name` in the configuration, and that its `user` may use it: GRANT ALL ON its tables",
  },
  {
    says: /certificate|TLS\/SSL error/i,
    code: "database-unusable",
    hint: "its tools demand a certificate that they trust: use `socket`, lead to the server with `through`, or write disable-ssl-verify-server-cert under [client] into ~/.my.cnf",
  },
  {
    says: /\b(2002|2003|2005|2006|2013)\b|Can't connect|Lost connection|gone away/,
    code: "database-unusable",
    hint: "see that the server runs and answers there: `host`, `port`, `socket` and `through` in the configuration",
  },
  {
    says: /Unknown command '\\-'/,
    code: "tool-too-old",
    hint: "dumps of newer tools need a client of May 2024 or later: upgrade it, or take out the first line of the dump",
  },
];

// What may happen to a dump only: elsewhere it would be about something else.
const ofDumps: readonly Meaning[] = [
  {
    says: /\b(1142|1143|1227|1370)\b|command denied|insufficient privileges/i,
    code: "dump-failed",
    hint: "let its user read all of it: GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON its tables",
  },
];

const ofRestores: readonly Meaning[] = [
  {
    says: /\b(1044|1142|1143|1227|1370)\b|command denied/i,
    code: "database-unusable",
    hint: "restore as a user that may make and drop the database and all that is in it",
  },
  {
    says: /max_allowed_packet|\b1153\b/,
    code: "database-unusable",
    hint: "let the server take larger statements: max_allowed_packet=1G in its configuration",
  },
];

/** Puts what failed into words about the database. */
export function explain(error: unknown, label: string, deed: Deed): unknown {
  const further = { dump: ofDumps, restore: ofRestores, ask: [] }[deed];
  return explainFailure(error, {
    label,
    deed,
    meanings: [...further, ...meanings],
    chatter: /^-- |\[Warning\]/,
  });
}
