// Knows: how a database of PostgreSQL is emptied from within. Must not know: what it is filled with then.

/**
 * Drops all that a dump of the database would hold, but extensions: dumps make these only where they are missing.
 * To drop and make the database itself would take rights that the owner of one seldom has, and could not be
 * taken back when what follows fails.
 */
export const dropEverything = String.raw`
DO $holdfast$
DECLARE
  what record;
BEGIN
  SET LOCAL client_min_messages = warning;
  FOR what IN
    SELECT nspname FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\_%' AND nspname NOT IN ('information_schema', 'public')
  LOOP
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', what.nspname);
  END LOOP;
  FOR what IN
    SELECT relname, CASE relkind
        WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
        WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END AS kind
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
  LOOP
    EXECUTE format('DROP %s IF EXISTS public.%I CASCADE', what.kind, what.relname);
  END LOOP;
  FOR what IN
    SELECT oid::regprocedure AS name, CASE prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS kind
    FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
  LOOP
    EXECUTE format('DROP %s IF EXISTS %s CASCADE', what.kind, what.name);
  END LOOP;
  FOR what IN
    SELECT typname FROM pg_type
    WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e', 'r') 
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = pg_type.oid AND deptype = 'e')
  LOOP
    EXECUTE format('DROP TYPE IF EXISTS public.%I CASCADE', what.typname);
  END LOOP;
  PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;
END
$holdfast$`;
