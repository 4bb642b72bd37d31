namespace Cilium.Datapath.Maps;

/// <summary>Properties of a policy entry.</summary>
[Flags]
[CEnum("policy_flags", "POLICY_")]
public enum PolicyFlags : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Deny.</summary>
    Deny = 1,
}
