// Creates sessions with Twilio's own library, which is told nothing but where the API is.
//
// Arguments: the base URL, the account, its token, how many of each kind, how often to try each.
// One line of JSON for each create, and one for a whole life of a session if that went well.

const assert = require("node:assert");
const twilio = require("twilio");

const [base, account, token, count, tries] = process.argv.slice(2);
const service = "KS00000000000000000000000000000001";

// The library's own client, but that the API is elsewhere: next pages too, which come as whole URLs.
class Local extends twilio.RequestClient {
  request(options) {
    const path = options.uri.slice(options.uri.indexOf("/v1/"));
    return super.request({ ...options, uri: base + path });
  }
}

const client = twilio(account, token, { httpClient: new Local({ timeout: 60000 }) });
const sessions = client.proxy.v1.services(service).sessions;
const say = (said) => console.log(JSON.stringify(said));

async function create(kind, number) {
  const said = { kind, number, sid: null, status: null, effect: null };
  const named = { uniqueName: `order-${number}`, ttl: 1000 + number };
  for (let attempt = 0; attempt < Number(tries); attempt++) {
    try {
      const made = await sessions.create(kind === "named" ? named : { ttl: 5000 + number });
      assert(made.sid, "an answer without a session");
      Object.assign(said, { sid: made.sid, status: 201 });
      break;
    } catch (error) {
      said.status = error.status ?? error.code ?? error.name;
      said.effect = error.details?.effect ?? null;
    }
  }
  say(said);
}

// Every operation once, and a list of several pages. The name needs no escapes: the library makes none.
async function life() {
  const made = await sessions.create({
    uniqueName: "a-life",
    mode: "voice-only",
    participants: [{ Identifier: "+15550100", FriendlyName: "Ann" }],
  });
  assert.equal((await sessions(made.uniqueName).fetch()).sid, made.sid);
  const listed = (await sessions.list({ pageSize: 7 })).map((session) => session.sid);
  assert(listed.includes(made.sid) && listed.length > 7, listed.join());
  assert.equal((await sessions(made.sid).update({ status: "closed" })).status, "closed");
  assert(await sessions(made.sid).remove());
  await assert.rejects(sessions(made.sid).fetch(), { status: 404, code: 20404 });
  say({ kind: "life", number: 0, sid: made.sid, status: 200 });
}

(async () => {
  let next = 0;
  const some = async () => {
    while (next < 2 * Number(count)) {
      const number = next++;
      await create(number % 2 ? "unnamed" : "named", number >> 1);
    }
  };
  await Promise.all(Array.from({ length: 8 }, some));
  if (tries === "1" && token === "made-up") await life();
})();
