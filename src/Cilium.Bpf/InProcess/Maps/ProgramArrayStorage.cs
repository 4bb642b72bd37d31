using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>Programs for tail calls. What is written is a program's number, and what is read.</summary>
internal sealed unsafe class ProgramArrayStorage(InProcessEngine engine, string name, MapShape shape) : IndexedStorage(engine, name, shape)
{
    private readonly LoadedProgram?[] _programs = new LoadedProgram?[shape.MaxEntries];

    internal LoadedProgram? At(uint index) => index < (uint)_programs.Length ? Volatile.Read(ref _programs[index]) : null;

    internal override long Entries => _programs.Count(program => program is not null);

    internal override long Bytes => (long)_programs.Length * sizeof(nint);

    internal override ulong Find(byte* key, int cpu) => 0;

    internal override int Update(byte* key, byte* value, ulong flags, int cpu)
    {
        var index = *(uint*)key;
        if (flags != (ulong)MapUpdate.Any)
            return -Errno.Invalid;
        if (index >= (uint)_programs.Length)
            return -Errno.TooBig;
        if (Engine.ProgramOrNull(*(uint*)value) is not { } program)
            return -Errno.BadDescriptor;
        Volatile.Write(ref _programs[index], program);
        return 0;
    }

    internal override int Delete(byte* key)
    {
        var index = *(uint*)key;
        if (index >= (uint)_programs.Length)
            return -Errno.TooBig;
        return Interlocked.Exchange(ref _programs[index], null) is null ? -Errno.NoEntry : 0;
    }

    internal override int Copy(byte* key, byte* value)
    {
        if (At(*(uint*)key) is not { } program)
            return -Errno.NoEntry;
        *(uint*)value = program.Id;
        return 0;
    }

    private protected override void LetGo() => Array.Clear(_programs);

    private protected override void Free()
    {
    }
}
