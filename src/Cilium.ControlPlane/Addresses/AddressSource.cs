namespace Cilium.ControlPlane.Addresses;

/// <summary>Who says what an address is; of two that speak of the same prefix the smaller number is believed.</summary>
internal enum AddressSource
{
    /// <summary>An endpoint of this node.</summary>
    LocalEndpoint,

    /// <summary>This node's own address.</summary>
    Host,

    /// <summary>The Kubernetes API server's address.</summary>
    KubeApiServer,

    /// <summary>Another node's address.</summary>
    Node,

    /// <summary>An endpoint of another node.</summary>
    CiliumEndpoint,

    /// <summary>A range of which only the node is known. Before a rule, which knows of no tunnel: packets for the range would leave the node without one.</summary>
    PodRange,

    /// <summary>A prefix that a rule names.</summary>
    Rule,

    /// <summary>Everything else.</summary>
    World,
}
