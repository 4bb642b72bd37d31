namespace Cilium.Datapath.Maps;

/// <summary>Who may keep a backend: those whom the slots of the service give it.</summary>
[CEnum("affinity_clients", "AFFINITY_")]
public enum AffinityClients : uint
{
    /// <summary>No client.</summary>
    None = 0,

    /// <summary>Every client.</summary>
    All = 1,

    /// <summary>Pods and processes.</summary>
    Inside = 2,

    /// <summary>Clients outside the cluster.</summary>
    Outside = 3,
}
