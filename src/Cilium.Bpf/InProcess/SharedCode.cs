using Cilium.Bpf.InProcess.Elf;
using Cilium.Bpf.InProcess.Instructions;
using Cilium.Bpf.InProcess.Maps;

namespace Cilium.Bpf.InProcess;

/// <summary>
/// Object files that engines have in common. Each file is read once; code is linked and compiled once for all engines in which the object's maps
/// and variables have the same addresses, which is so when they load the same objects in the same order. Constants may differ: what was compiled
/// is used where those agree that it rests on. Safe for use from many threads.
/// </summary>
public sealed class SharedCode
{
    private readonly Lock _lock = new();
    private readonly List<(string Name, byte[] Elf, ObjectFile File)> _files = [];
    private readonly Dictionary<Placement, ProgramCode> _code = [];

    /// <summary>Programs that were linked, each once for all engines that run it.</summary>
    public int LinkedPrograms
    {
        get
        {
            lock (_lock)
                return _code.Count;
        }
    }

    /// <summary>Times a program was compiled.</summary>
    public int Compilations
    {
        get
        {
            lock (_lock)
                return _code.Values.Sum(code => code.Compilations);
        }
    }

    /// <exception cref="BpfObjectException">The bytes are not a usable object.</exception>
    internal ObjectFile Read(string name, ReadOnlySpan<byte> elf)
    {
        lock (_lock)
        {
            foreach (var known in _files)
            {
                if (known.Name == name && elf.SequenceEqual(known.Elf))
                    return known.File;
            }
            var file = ObjectFile.Read(name, elf);
            _files.Add((name, elf.ToArray(), file));
            return file;
        }
    }

    /// <summary>The code of a program with these maps, linked when nobody asked for it before.</summary>
    internal ProgramCode Link(ObjectFile file, ProgramPlan program, IReadOnlyDictionary<MapPlan, MapStorage> maps, int cpus, Func<Function[]> link)
    {
        var placement = new Placement(file, program, cpus, [.. file.Maps.Select(plan => new MapPlace(maps[plan].Handle, maps[plan].Shape, (maps[plan] as ArrayStorage)?.AddressOf(0) ?? 0))]);
        lock (_lock)
        {
            if (!_code.TryGetValue(placement, out var code))
                _code[placement] = code = new ProgramCode(link());
            return code;
        }
    }

    /// <summary>What of a map stands in linked and compiled code.</summary>
    private readonly record struct MapPlace(ulong Handle, MapShape Shape, ulong FirstValue);

    private sealed record Placement(ObjectFile File, ProgramPlan Program, int Cpus, MapPlace[] Maps)
    {
        public bool Equals(Placement? other) =>
            other is not null && ReferenceEquals(File, other.File) && ReferenceEquals(Program, other.Program) && Cpus == other.Cpus && Maps.AsSpan().SequenceEqual(other.Maps);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.Add(Program.Declaration.Name);
            foreach (var map in Maps)
                hash.Add(map);
            return hash.ToHashCode();
        }
    }
}
