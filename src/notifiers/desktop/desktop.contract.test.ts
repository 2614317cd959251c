import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import {
  desktopTools,
  openDesktopSession,
  type DesktopSession,
  type DesktopUser,
} from "../../../test/support/desktop-session.ts";
import { accessTo, exampleNotification } from "../../../test/support/notification.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import type { Host } from "../../hosts/host.ts";
import { localHost } from "../../hosts/local.ts";
import { AnyNotifier } from "../index.ts";
import { tellLinuxDesktops } from "./index.ts";
import { desktopSessions } from "./sessions.ts";

const us = { userId: process.getuid?.() ?? 0, groupId: process.getgid?.() ?? 0 };

// As in /etc/passwd of every Debian.
const nobody = { userId: 65_534, groupId: 65_534 };

const hostile = exampleNotification({
  title: "--hint=string:x:y <b>documents</b>",
  message: '<b>bold</b> & <a href="https://example.org">free</a>\n$(reboot)',
  details: ["/home/ada/diary.txt"],
});

function withoutRoot(): string | false {
  return us.userId === 0 ? false : "only root can speak to other users' desktops";
}

/** This machine as its user sees it, with nothing else in the environment. */
function hostOf(user: DesktopUser, env: NodeJS.ProcessEnv): Host {
  const host = localHost({ env });
  if (user.userId === us.userId) return host;
  const become = [
    "setpriv",
    `--reuid=${user.userId}`,
    `--regid=${user.groupId}`,
    "--clear-groups",
  ] as const;
  return {
    ...host,
    run: async (command, signal) =>
      host.run({ ...command, argv: [...become, ...command.argv] }, signal),
  };
}

async function told(session: DesktopSession, t: TestContext): Promise<string> {
  const shown = await session.shown();
  t.diagnostic(shown);
  return shown;
}

suite("the desktop", { skip: withoutTools(...desktopTools) }, () => {
  test("shows a message as it is: no mark-up, no options, no details", async (t) => {
    await using session = await openDesktopSession(us);
    const host = localHost({ env: { ...process.env, ...session.env } });

    const directory = `${session.directory}/nobody-is-logged-in`;
    await tellLinuxDesktops(
      { ...hostile, details: [] },
      { host, signal: t.signal },
      {
        userId: us.userId,
        directory,
      },
    );

    const shown = await told(session, t);
    assert.match(shown, /appname: 'Holdfast'/);
    assert.match(shown, /summary: '--hint=string:x:y <b>documents<\/b>'/);
    assert.match(shown, /body: '&lt;b&gt;bold&lt;\/b&gt; &amp; &lt;a href=".*\n\$\(reboot\)'/);
    assert.match(shown, /urgency: CRITICAL/);
  });

  test("is found by a program of the same user that was not told where it is", async (t) => {
    const user = us.userId === 0 ? nobody : us;
    await using session = await openDesktopSession(user);
    const host = hostOf(user, { PATH: process.env["PATH"], HOME: "/nonexistent" });

    await tellLinuxDesktops(
      exampleNotification(),
      { host, signal: t.signal },
      {
        userId: user.userId,
        directory: session.directory,
      },
    );

    assert.match(await told(session, t), /summary: 'documents: failed/);
  });

  test("of another user is reached by root, as that user", { skip: withoutRoot() }, async (t) => {
    await using session = await openDesktopSession(nobody);
    const host = localHost();

    await tellLinuxDesktops(
      exampleNotification(),
      { host, signal: t.signal },
      {
        userId: 0,
        directory: session.directory,
      },
    );

    assert.match(await told(session, t), /summary: 'documents: failed: the disk is full'/);
  });

  test("is a failure with a hint where there is none", async (t) => {
    await using session = await openDesktopSession(us);
    const directory = `${session.directory}/nobody-is-logged-in`;
    const host = localHost({
      env: { PATH: process.env["PATH"], DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent/bus" },
    });

    await assert.rejects(
      tellLinuxDesktops(
        exampleNotification(),
        { host, signal: t.signal },
        {
          userId: us.userId,
          directory,
        },
      ),
      { code: "notification-failed", hint: /is somebody logged in/ },
    );
  });

  test("finds only sessions that have a message bus of their own user", async () => {
    await using session = await openDesktopSession(us);

    const sessions = await desktopSessions(session.directory);

    const directory = `${session.directory}/${us.userId}`;
    assert.deepEqual(sessions, [{ ...us, directory }]);
    assert.deepEqual(await desktopSessions(`${session.directory}/missing`), []);
  });
});

test("says how to install what is missing", async (t) => {
  const host = localHost({ env: { PATH: "/nonexistent" } });
  const notifier = AnyNotifier.parse({ type: "desktop" }).open(accessTo(host));

  await assert.rejects(notifier.send(exampleNotification(), t.signal), {
    code: "notification-failed",
    message: "desktop: the program notify-send is not installed",
    hint: /apt install libnotify-bin/,
  });
});
