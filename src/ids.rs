//! Small names for things. A name means something only together with the plan or the table it came from.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl $name {
            /// The position in the table that this id indexes.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(/// One interaction: everything that happens to one caller. Grows with arrival, so it breaks ties.
    CallId(u64));
id!(/// One ringing of one agent's phone for one call.
    OfferId(u64));
id!(/// One leg: a call's or an agent's side of the media.
    LegId(u64));
id!(/// A person who takes calls, by position in the plan.
    AgentId(u32));
id!(/// A service (called number), by position in the plan.
    ServiceId(u32));
id!(/// A queue, by position in the plan.
    QueueId(u32));
id!(/// A pool of agents, by position in the plan.
    PoolId(u32));
id!(/// A skill, by position in the plan.
    SkillId(u32));
id!(/// A prompt or a piece of hold music, by position in the plan's list of clips.
    ClipId(u32));
