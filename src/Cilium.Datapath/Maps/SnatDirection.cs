namespace Cilium.Datapath.Maps;

/// <summary>Which way a masquerading entry is read.</summary>
[CEnum("snat_direction", "SNAT_")]
public enum SnatDirection : byte
{
    /// <summary>Key as sent by the pod: gives the new source.</summary>
    Egress = 0,

    /// <summary>Key as received from the world: gives the old source.</summary>
    Ingress = 1,
}
