using Cilium.Netlink;

namespace Cilium.Datapath.Kernel;

/// <summary>The network namespace of the node: the process's own, or another that is entered for each call.</summary>
public sealed class NodeNamespace
{
    private readonly NetworkNamespace? _namespace;

    private NodeNamespace(NetworkNamespace? ns) => _namespace = ns;

    /// <summary>The process's own namespace.</summary>
    public static NodeNamespace Own { get; } = new(null);

    /// <summary>Another namespace; it must stay open while this is used.</summary>
    public static NodeNamespace Other(NetworkNamespace ns) => new(ns);

    /// <summary>Runs code in the namespace.</summary>
    public T Run<T>(Func<T> work) => _namespace is null ? work() : _namespace.Run(work);

    /// <summary>Runs code in the namespace.</summary>
    public void Run(Action work) => Run<object?>(() =>
    {
        work();
        return null;
    });

    internal RouteNetlink OpenNetlink() => _namespace is null ? RouteNetlink.Open() : RouteNetlink.Open(_namespace);

    internal SocketDiagnosis OpenDiagnosis() => _namespace is null ? SocketDiagnosis.Open() : SocketDiagnosis.Open(_namespace);

    internal NetworkMonitor OpenMonitor(NetworkWatches watches) =>
        _namespace is null ? NetworkMonitor.Open(watches) : NetworkMonitor.Open(_namespace, watches);
}
