//! `CALLERS_FILE`: `NAME role=read|trade|admin` a line, for the names in client certificates.

use std::collections::BTreeMap;

use super::lines::{BadLine, Words, lines, words};
use crate::domain::{CallerName, Role};

/// What the callers may do whose certificates name them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateRoles {
    roles: BTreeMap<CallerName, Role>,
    /// Lines that admit nobody.
    pub bad: Vec<BadLine>,
}

impl CertificateRoles {
    /// Reads a file of callers.
    pub fn read(text: &str) -> Self {
        let mut found = Self::default();
        for (number, line) in lines(text) {
            let problem = match found.line(line) {
                Ok(()) => continue,
                Err(problem) => problem,
            };
            found.bad.push(BadLine { number, problem });
        }
        found
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let mut parts = line.split_whitespace();
        let name = CallerName::new(parts.next().unwrap_or_default())
            .ok_or("its name must be 1 to 64 visible ASCII characters")?;
        match words(parts)? {
            Words {
                role: Some(role),
                name: None,
            } => match self.roles.get_mut(&name) {
                None => {
                    self.roles.insert(name, role);
                    Ok(())
                }
                Some(known) => {
                    *known = role.min(*known);
                    Err("its name stands in an earlier line too: the lesser of both roles counts")
                }
            },
            Words { role: None, .. } => Err("it needs role=read, role=trade or role=admin"),
            Words { name: Some(_), .. } => Err("its name is its first word; name=… is for tokens"),
        }
    }

    /// What a caller may do whose certificate has this name. One that is not listed may read.
    pub fn of(&self, name: &CallerName) -> Role {
        self.roles.get(name).copied().unwrap_or(Role::Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(file: &CertificateRoles, name: &str) -> Role {
        file.of(&CallerName::new(name).unwrap())
    }

    #[test]
    fn a_certificate_has_the_role_of_its_line_and_may_read_without_one() {
        let file = CertificateRoles::read(
            "# desk\nspiffe://example.org/algo role=trade\nops.example.org  role=admin\n",
        );
        assert_eq!(role(&file, "spiffe://example.org/algo"), Role::Trade);
        assert_eq!(role(&file, "ops.example.org"), Role::Admin);
        assert_eq!(role(&file, "somebody.else"), Role::Read);
        assert!(file.bad.is_empty());
    }

    #[test]
    fn of_two_lines_about_one_name_the_lesser_role_counts() {
        let file = CertificateRoles::read("a role=admin\na role=read\nb role=read\nb role=admin\n");
        assert_eq!([role(&file, "a"), role(&file, "b")], [Role::Read; 2]);
        assert_eq!(file.bad.len(), 2);
    }

    #[test]
    fn a_line_with_anything_wrong_gives_no_role() {
        let file = CertificateRoles::read(
            "a\nb role=root\nc name=d role=admin\nd role=admin extra\nGr\u{fc}n role=admin\n",
        );
        assert_eq!(
            file.bad.iter().map(|line| line.number).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5]
        );
        for name in ["a", "b", "c", "d"] {
            assert_eq!(role(&file, name), Role::Read, "{name}");
        }
    }
}
