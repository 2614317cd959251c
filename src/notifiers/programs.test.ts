import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { exampleNotification } from "../../test/support/notification.ts";
import { appriseCommand } from "./apprise.ts";
import { tellingCommand } from "./command.ts";
import {
  asUser,
  notifySendCommand,
  osascriptCommand,
  powershellCommand,
} from "./desktop/commands.ts";

const hostile = exampleNotification({
  title: '--hint=x "; $(reboot)',
  message: '<b>bold</b> & "; Remove-Item C:\\ #',
});

suite("commands that tell somebody", () => {
  test("apprise: no title becomes an option, and the body is not in the arguments", () => {
    const command = appriseCommand("apprise", "/scratch/apprise.conf", hostile);

    assert.deepEqual(command.argv, [
      "apprise",
      "--config=/scratch/apprise.conf",
      '--title=--hint=x "; $(reboot)',
      "--notification-type=failure",
      "--input-format=text",
    ]);
    assert.match(String(command.stdin), /^<b>bold<\/b>/);
  });

  test("notify-send: takes mark-up from no message and an option from no title", () => {
    const command = notifySendCommand(hostile);

    assert.deepEqual(command.argv, [
      "notify-send",
      "--app-name=Holdfast",
      "--urgency=critical",
      "--icon=dialog-error",
      "--",
      '--hint=x "; $(reboot)',
      '&lt;b&gt;bold&lt;/b&gt; &amp; "; Remove-Item C:\\ #',
    ]);
  });

  test("notify-send: reaches another user's desktop as that user", () => {
    const session = { userId: 1000, groupId: 1001, directory: "/run/user/1000" };

    const command = asUser(session, notifySendCommand(exampleNotification()));

    assert.deepEqual(command.argv.slice(0, 6), [
      "setpriv",
      "--reuid=1000",
      "--regid=1001",
      "--clear-groups",
      "--",
      "notify-send",
    ]);
    assert.equal(command.env?.["DBUS_SESSION_BUS_ADDRESS"], "unix:path=/run/user/1000/bus");
  });

  test("osascript: hands the text over as arguments, after one that is no option", () => {
    const command = osascriptCommand(hostile);

    assert.deepEqual(command.argv.slice(-3), ["holdfast", hostile.title, hostile.message]);
    assert.doesNotMatch(command.argv.slice(0, -2).join(" "), /reboot|Remove-Item/);
  });

  test("powershell: hands the text over in the environment; the script never changes", () => {
    const command = powershellCommand(hostile);

    assert.deepEqual(command.argv, powershellCommand(exampleNotification()).argv);
    assert.doesNotMatch(command.argv.join(" "), /"/);
    assert.deepEqual(command.env, {
      HOLDFAST_TITLE: hostile.title,
      HOLDFAST_MESSAGE: hostile.message,
    });
  });

  test("command: gives a program every field, empty ones too", () => {
    const { job: _job, run: _run, exitStatus: _status, ...testMessage } = exampleNotification();

    const command = tellingCommand(["/bin/tell", "--to", "me"], testMessage);

    assert.deepEqual(command.argv, ["/bin/tell", "--to", "me"]);
    assert.deepEqual(command.env, {
      HOLDFAST_EVENT: "failure",
      HOLDFAST_JOB: "",
      HOLDFAST_RUN: "",
      HOLDFAST_TIME: "2026-11-20T03:00:12.000Z",
      HOLDFAST_MACHINE: "nas",
      HOLDFAST_TITLE: "documents: failed: the disk is full",
      HOLDFAST_MESSAGE: "The repository has no space left.\nNothing was lost.",
      HOLDFAST_EXIT_STATUS: "",
      HOLDFAST_SECONDS: "12.5",
    });
  });

  test("command: cuts a message that no environment could hold; the JSON has all of it", () => {
    const long = exampleNotification({ message: "ä".repeat(200_000) });

    const command = tellingCommand(["/bin/tell"], long);

    assert.ok(Buffer.byteLength(String(command.env?.["HOLDFAST_MESSAGE"])) <= 16_000);
    assert.ok(String(command.stdin).includes(long.message));
  });
});
