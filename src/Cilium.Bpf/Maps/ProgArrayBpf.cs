using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>An array of programs for tail calls.</summary>
public sealed unsafe class ProgArrayBpf : BpfMap
{
    /// <summary>Gives <paramref name="map"/> its type; both share the descriptor.</summary>
    /// <exception cref="ArgumentException">The map is not an array of programs.</exception>
    public ProgArrayBpf(BpfMap map)
        : base(map)
    {
        if (Shape.Type != MapType.ProgArray)
            throw new ArgumentException($"map {Name} is {Shape}, not an array of programs");
    }

    /// <summary>Puts a program at an index; the next tail call runs it.</summary>
    public void Set(uint index, BpfProgram program)
    {
        var fd = program.Backend.Reference;
        var result = Backend.Update(&index, &fd, 0);
        GC.KeepAlive(program);
        if (result < 0)
            throw Refused("bpf_map_update_elem", result);
    }

    /// <summary>Empties a slot. Absent is success.</summary>
    public void Clear(uint index)
    {
        var result = Backend.Delete(&index);
        if (result is < 0 and not -Errno.NoEntry)
            throw Refused("bpf_map_delete_elem", result);
    }
}
