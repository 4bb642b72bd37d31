namespace Cilium.Ipam;

/// <summary>Names of the owners that are not pods.</summary>
public static class AddressOwners
{
    /// <summary>The node's own address among its pods: the gateway on <c>cilium_host</c>.</summary>
    public const string Router = "router";

    /// <summary>The health endpoint.</summary>
    public const string Health = "health";

    /// <summary>The ingress proxy.</summary>
    public const string Ingress = "ingress";

    /// <summary>The owner name of a pod.</summary>
    public static string Pod(string podNamespace, string podName) => $"{podNamespace}/{podName}";
}
