using System.Runtime.InteropServices;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>A program as an object declares it.</summary>
/// <param name="Name">The function's name.</param>
/// <param name="Section">The ELF section, which tells type and hook.</param>
/// <param name="Type">The kind of program.</param>
/// <param name="AttachType">The hook it expects.</param>
/// <param name="Instructions">Instructions before verification.</param>
public sealed record ProgramDeclaration(string Name, string Section, ProgramType Type, AttachType AttachType, int Instructions)
{
    internal static unsafe ProgramDeclaration Read(nint program) => new(
        Marshal.PtrToStringUTF8((nint)LibBpf.bpf_program__name(program))!,
        Marshal.PtrToStringUTF8((nint)LibBpf.bpf_program__section_name(program))!,
        (ProgramType)LibBpf.bpf_program__type(program),
        (AttachType)LibBpf.bpf_program__expected_attach_type(program),
        (int)LibBpf.bpf_program__insn_cnt(program));
}
