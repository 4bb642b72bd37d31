namespace Cilium.Datapath.Maps;

/// <summary>What a record of cilium_ct_created names.</summary>
[CEnum("created_kind", "CREATED_")]
public enum CreatedKind : byte
{
    /// <summary>Ct.</summary>
    Ct = 0,

    /// <summary>Snat.</summary>
    Snat = 1,
}
