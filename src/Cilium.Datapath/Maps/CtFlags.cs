namespace Cilium.Datapath.Maps;

/// <summary>Properties of a connection.</summary>
[Flags]
[CEnum("ct_flags", "CT_")]
public enum CtFlags : ushort
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The high end opened the connection.</summary>
    FromHigh = 1,

    /// <summary>Pod reaches itself through a service; source was replaced by the loopback address.</summary>
    Loopback = 16,

    /// <summary>From tunnel.</summary>
    FromTunnel = 32,
}
