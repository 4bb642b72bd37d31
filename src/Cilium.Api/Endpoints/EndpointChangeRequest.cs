namespace Cilium.Api;

/// <summary>What the CNI plugin sends to <c>PUT /endpoint/{id}</c>: one pod device that exists and wants to carry traffic.</summary>
public sealed record EndpointChangeRequest
{
    /// <summary>The endpoint's number; 0 to have one chosen.</summary>
    public long Id { get; init; }

    /// <summary>The sandbox.</summary>
    public string? ContainerId { get; init; }

    /// <summary>The sandbox's name.</summary>
    public string? ContainerName { get; init; }

    /// <summary>The device's name in the pod.</summary>
    public string? ContainerInterfaceName { get; init; }

    /// <summary>The host side's name.</summary>
    public string? InterfaceName { get; init; }

    /// <summary>The host side's kernel index.</summary>
    public long InterfaceIndex { get; init; }

    /// <summary>The pod side's Ethernet address.</summary>
    public string? Mac { get; init; }

    /// <summary>The host side's Ethernet address.</summary>
    public string? HostMac { get; init; }

    /// <summary>The addresses, as <c>POST /ipam</c> gave them.</summary>
    public AddressPair? Addressing { get; init; }

    /// <summary>Name of the pod.</summary>
    public string? K8sPodName { get; init; }

    /// <summary>Namespace of the pod.</summary>
    public string? K8sNamespace { get; init; }

    /// <summary>UID of the pod.</summary>
    public string? K8sUid { get; init; }

    /// <summary>Path of the pod's network namespace.</summary>
    public string? ContainerNetnsPath { get; init; }

    /// <summary>Cookie of the pod's network namespace, as text.</summary>
    public string? NetnsCookie { get; init; }

    /// <summary>Labels known to the caller, <c>source:key=value</c>.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>The wanted state: <c>waiting-for-identity</c>.</summary>
    public string? State { get; init; }

    /// <summary>True to answer only when the endpoint can carry traffic.</summary>
    public bool SyncBuildEndpoint { get; init; }

    /// <summary>Settings of the device that differ from the node's.</summary>
    public EndpointDatapathConfiguration? DatapathConfiguration { get; init; }

    /// <summary>Free properties.</summary>
    public IReadOnlyDictionary<string, string>? Properties { get; init; }
}

/// <summary>Settings of one device that differ from the node's.</summary>
public sealed record EndpointDatapathConfiguration
{
    /// <summary>Install a route for the endpoint's address.</summary>
    public bool? InstallEndpointRoute { get; init; }

    /// <summary>Another plugin manages its addresses.</summary>
    public bool? ExternalIpam { get; init; }
}

/// <summary>What <c>DELETE /endpoint</c> takes: everything of one sandbox.</summary>
public sealed record EndpointBatchDeleteRequest
{
    /// <summary>The sandbox.</summary>
    public string? ContainerId { get; init; }
}
