namespace Cilium.Datapath.Maps;

/// <summary>Kinds of connection entries.</summary>
[Flags]
[CEnum("ct_tuple_flags", "CT_TUPLE_")]
public enum CtTupleFlags : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Remembers the backend of a per-packet translated service.</summary>
    Service = 4,
}
