namespace Cilium.Datapath.Maps;

/// <summary>Which part of a policy entry decided.</summary>
[CEnum("match_type", "MATCH_")]
public enum MatchType : byte
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>L3 only.</summary>
    L3Only = 1,

    /// <summary>L3 l4.</summary>
    L3L4 = 2,

    /// <summary>L4 only.</summary>
    L4Only = 3,

    /// <summary>All.</summary>
    All = 4,

    /// <summary>L3 proto.</summary>
    L3Proto = 5,

    /// <summary>Proto only.</summary>
    ProtoOnly = 6,
}
