use crate::sessions::open_enum;

open_enum! {
    /// What an interaction is. <https://www.twilio.com/docs/proxy/api/interaction>
    InteractionType, "the type of an interaction" {
        /// A message.
        Message = "message",
        /// A call.
        Voice = "voice",
        /// The API's own word: it does not know.
        Unknown = "unknown",
    }
}

open_enum! {
    /// What one leg of an interaction is. <https://www.twilio.com/docs/proxy/api/interaction>
    ResourceType, "the type of a resource" {
        /// A call.
        Call = "call",
        /// A message.
        Message = "message",
    }
}

open_enum! {
    /// How far one leg of an interaction is, a call or a message.
    /// <https://www.twilio.com/docs/proxy/api/interaction>
    ResourceStatus, "the status of a resource" {
        /// Taken on.
        Accepted = "accepted",
        /// The call was answered.
        Answered = "answered",
        /// The line was busy.
        Busy = "busy",
        /// Called off.
        Canceled = "canceled",
        /// The call has ended.
        Completed = "completed",
        /// The message was deleted.
        Deleted = "deleted",
        /// The message has arrived.
        Delivered = "delivered",
        /// Whether the message has arrived, nobody knows.
        DeliveryUnknown = "delivery-unknown",
        /// It failed.
        Failed = "failed",
        /// The call goes on.
        InProgress = "in-progress",
        /// The call was begun.
        Initiated = "initiated",
        /// Nobody answered.
        NoAnswer = "no-answer",
        /// It waits for its turn.
        Queued = "queued",
        /// The message was received.
        Received = "received",
        /// The message is being received.
        Receiving = "receiving",
        /// It rings.
        Ringing = "ringing",
        /// It is to be sent later.
        Scheduled = "scheduled",
        /// The message is being sent.
        Sending = "sending",
        /// The message was sent.
        Sent = "sent",
        /// The message could not be delivered.
        Undelivered = "undelivered",
        /// The API's own word: it does not know.
        Unknown = "unknown",
    }
}
