// What the receivers' libraries make of deliveries that were captured.
// Arguments: a file with an array of { headers, body }, and the two secrets.
import { readFileSync } from "node:fs";
import { HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";

const [file, ...secrets] = process.argv.slice(2);
const attempts = (delivery, change) => {
  const { headers, body } = change({ headers: { ...delivery.headers }, body: delivery.body });
  return secrets.map((secret) => {
    try {
      new Webhook(secret).verify(body, headers);
      return true;
    } catch {
      return false;
    }
  });
};

const report = JSON.parse(readFileSync(file, "utf8")).map((delivery) => {
  const forged = [
    ({ headers, body }) => ({ headers, body: body.replace("tenant.created", "tenant.deleted") }),
    ({ headers, body }) => ({ headers: { ...headers, "webhook-id": "another" }, body }),
    ({ headers, body }) => ({ headers: { ...headers, "webhook-timestamp": "1600000000" }, body }),
  ];
  const event = HTTP.toEvent(delivery);
  event.validate();
  const known = ["id", "time", "type", "source", "specversion", "datacontenttype", "subject", "data"];
  return {
    verified: attempts(delivery, (same) => same),
    refused: forged.map((forge) => attempts(delivery, forge).every((verified) => !verified)),
    id: event.id,
    type: event.type,
    source: event.source,
    subject: event.subject,
    datacontenttype: event.datacontenttype,
    data: event.data,
    extensions: Object.entries(event.toJSON())
      .filter(([name, value]) => value !== undefined && !known.includes(name))
      .map(([name]) => name),
  };
});
console.log(JSON.stringify(report));
