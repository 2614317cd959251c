import { databaseContract } from "../../test/support/database-contract.ts";
import { mariadbKind, postgresqlKind, sqliteKind } from "../../test/support/database-subjects.ts";

for (const kind of [mariadbKind, postgresqlKind, sqliteKind]) databaseContract(kind);
