using Cilium.Bpf;
using Cilium.Bpf.InProcess;

namespace Cilium.VirtualNetwork;

/// <summary>A control group: programs on the socket calls of the processes in it. Those of its parents run after its own.</summary>
public sealed class VirtualCgroup
{
    private const int NotPermitted = 1;
    private readonly VirtualNode _node;
    private readonly VirtualCgroup? _parent;
    private readonly List<VirtualCgroup> _children = [];
    private readonly Dictionary<AttachType, List<BpfProgram>> _programs = [];

    internal VirtualCgroup(VirtualNode node, string path, VirtualCgroup? parent)
    {
        _node = node;
        _parent = parent;
        Path = path;
        Id = node.NextCgroupId();
        node.Engine.AddCgroup(Id);
    }

    /// <summary>Its place in the tree.</summary>
    public string Path { get; }

    /// <summary>What programs get from <c>bpf_get_current_cgroup_id</c>.</summary>
    public ulong Id { get; }

    /// <summary>Adds a group below.</summary>
    public VirtualCgroup AddChild(string name)
    {
        var child = new VirtualCgroup(_node, $"{Path.TrimEnd('/')}/{name}", this);
        _children.Add(child);
        return child;
    }

    /// <summary>
    /// Removes the group, and what programs stored on it. Sockets that were made in it keep its programs, as in the kernel. Once more is success.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is the root, or has groups below.</exception>
    public void Remove()
    {
        if (_parent is null)
            throw new InvalidOperationException("the root of the control groups cannot be removed");
        if (_children.Count > 0)
            throw new InvalidOperationException($"{Path} has groups below");
        _parent._children.Remove(this);
        _node.Engine.RemoveCgroup(Id);
    }

    /// <summary>Puts a program on a hook, behind those that are there.</summary>
    public void Attach(AttachType hook, BpfProgram program)
    {
        if (!_programs.TryGetValue(hook, out var programs))
            _programs[hook] = programs = [];
        programs.Add(program);
    }

    /// <summary>Takes a program off a hook; false when it was not there.</summary>
    public bool Detach(AttachType hook, BpfProgram program) => _programs.TryGetValue(hook, out var programs) && programs.Remove(program);

    /// <summary>Runs the programs of a hook. Returns zero, or the error number that they gave the call.</summary>
    internal int Run(AttachType hook, VirtualNamespace ns, BpfSocketAddress address)
    {
        for (var group = this; group is not null; group = group._parent)
        {
            if (!group._programs.TryGetValue(hook, out var programs))
                continue;
            foreach (var program in programs)
            {
                var observer = _node.Fabric.Observer;
                observer?.BeforeProgram(ns, hook, program, address);
                var verdict = _node.Fabric.Run(program, address);
                observer?.AfterProgram(ns, hook, program, address, verdict);
                if ((verdict & 1) == 0)
                    return address.ReturnValue < 0 ? -address.ReturnValue : NotPermitted;
            }
        }
        return 0;
    }
}
