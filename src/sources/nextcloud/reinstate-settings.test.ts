import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { plainOf, readPhpConfig } from "../../nextcloud/php.ts";
import { withValues } from "./reinstate-settings.ts";

const text = `<?php
$CONFIG = array (
  'dbhost' => 'old',
  'redis' => array ('host' => 'cache'),
  'maintenance' => true,
  'loglevel' => 2,
);
`;

function read(config: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...readPhpConfig(config)].map(([key, one]) => [key, plainOf(one)]));
}

suite("a config.php that is put back", () => {
  test("is left as it is where nothing differs", () => {
    const same = withValues(text, {
      dbhost: "old",
      maintenance: true,
      "memcache.local": undefined,
    });

    assert.equal(same, text);
  });

  test("gets what belongs to this machine, whatever is in it", () => {
    const values = {
      dbhost: `new\\'host`,
      dbpassword: "$x ?> \n",
      apps_paths: [{ path: "/apps", writable: true }],
      objectstore: { class: "\\OC\\S3", arguments: { port: 9000, use_ssl: false } },
    };

    const config = withValues(text, values);

    const { redis, maintenance, loglevel } = read(text);
    assert.deepEqual(read(config), { redis, maintenance, loglevel, ...values });
  });

  test("loses what this machine has not, and maintenance where that is over", () => {
    const config = withValues(text, {
      redis: undefined,
      maintenance: false,
      tempdirectory: undefined,
    });

    assert.deepEqual(read(config), { dbhost: "old", redis: null, maintenance: false, loglevel: 2 });
  });

  test("may end with the end of PHP", () => {
    const config = withValues(`${text}?>\n\n`, { dbhost: "new" });

    assert.equal(read(config)["dbhost"], "new");
    assert.ok(!config.includes("?>"));
  });

  test("may be a program that only PHP can read", () => {
    const program = "<?php\n$CONFIG = require 'x.php';\nforeach ($a as $b) {}\n";

    const config = withValues(program, { dbhost: "new", redis: undefined });

    assert.ok(config.startsWith(program.trimEnd()));
    assert.ok(config.endsWith("$CONFIG['dbhost'] = 'new';\n"));
  });
});
