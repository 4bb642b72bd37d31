namespace Cilium.Datapath.Endpoints;

/// <summary>The devices of this node's pods: programs on them, routes to them. What each verb finds done already is success.</summary>
internal interface IPodDevices
{
    /// <summary>Puts the programs on an endpoint's device, and the routes to it in place of those of its earlier row.</summary>
    void Attach(EndpointRow row, EndpointRow? before);

    /// <summary>Removes the device and what is attached to it; the pod's namespace may have taken it along already.</summary>
    void Remove(EndpointRow row);

    /// <summary>Removes a pod's device of which only the index is known. Devices that are no pod's stay.</summary>
    void RemoveDevice(int ifindex);

    /// <summary>Lets go of what is attached for endpoints beside these.</summary>
    void Prune(IReadOnlyCollection<EndpointRow> endpoints);
}
