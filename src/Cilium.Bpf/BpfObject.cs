using System.Runtime.InteropServices;

namespace Cilium.Bpf;

/// <summary>
/// A compiled object (ELF with BTF): open, set constants and capacities, share maps, load, take programs and maps. What was taken
/// has its own descriptor and outlives the object. Not safe for use from many threads.
/// </summary>
public sealed class BpfObject : IDisposable
{
    private readonly ObjectBackend _backend;
    private readonly Dictionary<string, MapDeclaration> _maps;
    private readonly Dictionary<string, ProgramDeclaration> _programs;
    private readonly Dictionary<string, BtfVariable> _constants = [];
    private bool _isClosed;
    private bool _isLoaded;

    private BpfObject(string name, ObjectBackend backend)
    {
        Name = name;
        _backend = backend;
        foreach (var constant in Btf.Variables(".rodata"))
            _constants[constant.Name] = constant;
        _maps = Maps.ToDictionary(map => map.Name);
        _programs = Programs.ToDictionary(program => program.Name);
    }

    /// <summary>The name given when opened, for messages.</summary>
    public string Name { get; }

    /// <summary>The object's types, with the offsets of its variables.</summary>
    public Btf Btf => _backend.Btf;

    /// <summary>Maps as declared in C, the sections of variables included.</summary>
    public IReadOnlyList<MapDeclaration> Maps => _backend.Maps;

    /// <summary>Programs as declared in C.</summary>
    public IReadOnlyList<ProgramDeclaration> Programs => _backend.Programs;

    /// <summary>The <c>const volatile</c> variables that can be set before the load.</summary>
    public IReadOnlyCollection<BtfVariable> Constants => _constants.Values;

    /// <summary>Parses an object for the kernel, which is not asked yet; no privilege is needed.</summary>
    /// <exception cref="ArgumentException">The bytes are not a usable object; the message has libbpf's reasons.</exception>
    public static BpfObject Open(string name, ReadOnlySpan<byte> elf) => Open(name, elf, BpfEngine.Kernel);

    /// <summary>Parses an object for an engine.</summary>
    /// <exception cref="ArgumentException">The bytes are not a usable object; the message says why.</exception>
    public static BpfObject Open(string name, ReadOnlySpan<byte> elf, BpfEngine engine) => new(name, engine.Open(name, elf));

    /// <summary>Sets a <c>const volatile</c> variable before the load; it is frozen by it and the verifier removes what it switches off.</summary>
    /// <exception cref="ArgumentException">There is no such variable, or its size differs.</exception>
    public void SetConstant<T>(string variable, in T value)
        where T : unmanaged
    {
        if (!TrySetConstant(variable, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value))))
            throw new ArgumentException($"{Name} has no constant {variable}");
    }

    /// <summary>Sets a constant to bytes as they lie in memory. Returns false when the object has none of that name.</summary>
    /// <exception cref="ArgumentException">Its size differs.</exception>
    public bool TrySetConstant(string variable, ReadOnlySpan<byte> bytes)
    {
        BeforeLoad();
        if (!_constants.TryGetValue(variable, out var place))
            return false;
        if (place.Size != bytes.Length)
            throw new ArgumentException($"constant {variable} of {Name} has {place.Size} bytes; {bytes.Length} were given");
        bytes.CopyTo(_backend.Constants.Slice(place.Offset, place.Size));
        return true;
    }

    /// <summary>The bytes of a constant as they are now.</summary>
    /// <exception cref="ArgumentException">There is no such variable.</exception>
    public byte[] GetConstant(string variable)
    {
        BeforeLoad();
        if (!_constants.TryGetValue(variable, out var place))
            throw new ArgumentException($"{Name} has no constant {variable}");
        return _backend.Constants.Slice(place.Offset, place.Size).ToArray();
    }

    /// <summary>Sets a map's capacity before the load.</summary>
    public void SetMaxEntries(string map, uint maxEntries)
    {
        BeforeLoad();
        _backend.SetMaxEntries(Known(map), maxEntries);
    }

    /// <summary>Uses an existing map of the same engine for a declared one, instead of creating it.</summary>
    /// <exception cref="KernelException">The existing map differs from the declaration.</exception>
    public void ReuseMap(string map, BpfMap existing)
    {
        BeforeLoad();
        _backend.Reuse(Known(map), existing);
    }

    /// <summary>The shape of a declared map, with a capacity set meanwhile.</summary>
    /// <exception cref="ObjectDisposedException">The object is closed.</exception>
    public MapShape ShapeOf(string map)
    {
        ObjectDisposedException.ThrowIf(_isClosed, this);
        return _backend.ShapeOf(Known(map));
    }

    /// <summary>Leaves a program out of the load, or takes it in again.</summary>
    public void SetAutoload(string program, bool load)
    {
        BeforeLoad();
        _backend.SetAutoload(KnownProgram(program), load);
    }

    /// <summary>Creates the maps and loads the programs.</summary>
    /// <exception cref="VerifierException">The kernel refused; the exception keeps the log.</exception>
    /// <exception cref="InProcess.BpfObjectException">The engine of this process cannot run a program.</exception>
    public void Load()
    {
        BeforeLoad();
        _backend.Load();
        _isLoaded = true;
    }

    /// <summary>A map of the loaded object, with its own descriptor.</summary>
    public BpfMap Map(string name)
    {
        AfterLoad();
        return new BpfMap(_backend.Map(Known(name)));
    }

    /// <summary>A typed map of the loaded object, with its own descriptor.</summary>
    public BpfMap<TKey, TValue> Map<TKey, TValue>(string name)
        where TKey : unmanaged
        where TValue : unmanaged => Map(name).As<TKey, TValue>();

    /// <summary>A program of the loaded object, with its own descriptor.</summary>
    public BpfProgram Program(string name)
    {
        AfterLoad();
        return new BpfProgram(_backend.Program(KnownProgram(name)));
    }

    /// <summary>Whether the object declares a map of this name.</summary>
    public bool HasMap(string name) => _maps.ContainsKey(name);

    /// <summary>Whether the object has a program of this name.</summary>
    public bool HasProgram(string name) => _programs.ContainsKey(name);

    /// <summary>Closes the object; maps and programs taken from it stay open.</summary>
    public void Dispose()
    {
        _isClosed = true;
        _backend.Dispose();
    }

    private string Known(string map) => HasMap(map) ? map : throw new ArgumentException($"{Name} has no map {map}");

    private string KnownProgram(string program) => HasProgram(program) ? program : throw new ArgumentException($"{Name} has no program {program}");

    private void BeforeLoad()
    {
        ObjectDisposedException.ThrowIf(_isClosed, this);
        if (_isLoaded)
            throw new InvalidOperationException($"{Name} is loaded already");
    }

    private void AfterLoad()
    {
        ObjectDisposedException.ThrowIf(_isClosed, this);
        if (!_isLoaded)
            throw new InvalidOperationException($"{Name} is not loaded");
    }
}
