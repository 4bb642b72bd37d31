namespace Cilium.Datapath.Maps;

/// <summary>Which way a policy entry looks.</summary>
[CEnum("policy_direction", "POLICY_")]
public enum PolicyDirection : byte
{
    /// <summary>Ingress.</summary>
    Ingress = 0,

    /// <summary>Egress.</summary>
    Egress = 1,
}
