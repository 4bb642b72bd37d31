using Cilium.Bpf.InProcess;

namespace Cilium.VirtualNetwork;

/// <summary>A machine: an engine for programs, network namespaces, a tree of control groups.</summary>
public sealed class VirtualNode
{
    private readonly List<VirtualNamespace> _namespaces = [];
    private ulong _nextCookie = 1;
    private ulong _nextCgroup = 1;

    internal VirtualNode(Fabric fabric, string name, InProcessEngine engine)
    {
        Fabric = fabric;
        Name = name;
        Engine = engine;
        Cgroup = new VirtualCgroup(this, "/", null);
        Host = AddNamespace(name);
    }

    /// <summary>What it is part of.</summary>
    public Fabric Fabric { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Where its programs run and its maps are.</summary>
    public InProcessEngine Engine { get; }

    /// <summary>The first namespace.</summary>
    public VirtualNamespace Host { get; }

    /// <summary>The root of the control groups.</summary>
    public VirtualCgroup Cgroup { get; }

    /// <summary>All namespaces, the first one included.</summary>
    public IReadOnlyList<VirtualNamespace> Namespaces => _namespaces;

    /// <summary>Adds a network namespace with a loopback device.</summary>
    public VirtualNamespace AddNamespace(string name)
    {
        var ns = new VirtualNamespace(this, name, (ulong)_namespaces.Count + 1);
        _namespaces.Add(ns);
        return ns;
    }

    /// <summary>Removes a namespace with its devices; the other ends of pairs go too.</summary>
    /// <exception cref="InvalidOperationException">It is the first one.</exception>
    public void RemoveNamespace(VirtualNamespace ns)
    {
        ArgumentNullException.ThrowIfNull(ns);
        if (ReferenceEquals(ns, Host))
            throw new InvalidOperationException($"{ns.Name} is the first namespace of {Name}");
        foreach (var device in ns.Interfaces.ToArray())
            ns.Remove(device);
        _namespaces.Remove(ns);
        foreach (var other in _namespaces)
            other.Forget(ns);
    }

    internal ulong NextSocketCookie() => _nextCookie++;

    internal ulong NextCgroupId() => _nextCgroup++;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
